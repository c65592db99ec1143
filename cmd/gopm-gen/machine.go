package main

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/generator/ecosystem"
)

// memory returns how many bytes this machine has, by sysinfo(2).
func memory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// addresses returns the addresses of this machine's interfaces. What cannot be
// found out is left away.
func addresses() []ecosystem.Address {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []ecosystem.Address
	for _, i := range interfaces {
		list, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range list {
			if ip, ok := a.(*net.IPNet); ok {
				out = append(out, ecosystem.Address{
					Interface: i.Name, IP: ip.IP.String(), MAC: i.HardwareAddr.String(),
					IPv6: ip.IP.To4() == nil, Internal: i.Flags&net.FlagLoopback != 0,
				})
			}
		}
	}
	return out
}
