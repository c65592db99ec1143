// Package machine is the machine that this runs on, for who loads an ecosystem
// file.
package machine

import (
	"net"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/generator/ecosystem"
)

// Host is the machine that this runs on, as an ecosystem file may see it.
// What cannot be found out stays empty: few files ask.
func Host() ecosystem.Host {
	host := ecosystem.Host{
		Files:     os.DirFS("/"),
		Stdin:     os.Stdin,
		Environ:   map[string]string{},
		CPUs:      runtime.NumCPU(),
		User:      os.Getenv("USER"),
		UID:       os.Getuid(),
		Memory:    memory(),
		Addresses: addresses,
		RunNode:   runNode,
	}
	host.Dir, _ = os.Getwd()
	host.Hostname, _ = os.Hostname()
	host.Home, _ = os.UserHomeDir()
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		host.Environ[name] = value
	}
	host.Print = func(line string) { _, _ = os.Stderr.WriteString(line + "\n") }
	return host
}

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
