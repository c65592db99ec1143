package generator

// set makes a lookup of names.
func set(names ...string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, name := range names {
		out[name] = true
	}
	return out
}

// knownUnits are services that a server commonly has, though the machine on
// which a package is built need not.
var knownUnits = set(
	"apache2", "caddy", "chrony", "containerd", "cron", "crond", "cups", "dbus", "docker", "dovecot",
	"elasticsearch", "exim4", "fail2ban", "firewalld", "getty", "gopm-activator", "grafana-server",
	"haproxy", "httpd", "kubelet", "lighttpd", "mariadb", "memcached", "mongod", "mongodb", "mysql",
	"mysqld", "named", "nftables", "nginx", "ntp", "ntpsec", "php-fpm", "podman", "polkit", "postfix",
	"postgresql", "prometheus", "rabbitmq-server", "redis", "redis-server", "rsyslog", "smbd", "snapd",
	"squid", "ssh", "sshd", "sudo", "tomcat", "traefik", "ufw", "user", "varnish", "vsftpd",
	// systemd.special(7), and what systemd ships besides.
	"basic", "bluetooth", "boot-complete", "cryptsetup", "ctrl-alt-del", "default", "emergency", "exit", "factory-reset", "final",
	"first-boot-complete", "graphical", "halt", "hibernate", "hybrid-sleep", "init", "initrd", "integritysetup", "kexec",
	"local-fs", "machines", "multi-user", "network", "network-online", "network-pre", "nss-lookup", "nss-user-lookup", "paths",
	"poweroff", "printer", "reboot", "remote-fs", "rescue", "rpcbind", "runlevel0", "runlevel1", "runlevel2", "runlevel3",
	"runlevel4", "runlevel5", "runlevel6", "shutdown", "sigpwr", "sleep", "slices", "smartcard", "sockets", "soft-reboot",
	"sound", "suspend", "suspend-then-hibernate", "swap", "sysinit", "syslog", "system-update", "time-set", "time-sync",
	"timers", "umount", "usb-gadget", "veritysetup",
)

// knownAccounts are users and groups that distributions create. systemd-sysusers
// would not make such an account but let the app have it, with all its files;
// some, such as docker and disk, are as good as root.
var knownAccounts = set(
	"_apt", "adm", "audio", "backup", "bin", "cdrom", "daemon", "dialout", "dip", "disk", "docker",
	"fax", "floppy", "ftp", "games", "gnats", "halt", "incus", "incus-admin", "input", "irc", "kmem",
	"kvm", "libvirt", "list", "lock", "lp", "lpadmin", "lxd", "mail", "man", "mem", "messagebus", "mysql",
	"netdev", "news", "nobody", "nogroup", "operator", "plugdev", "polkitd", "postgres", "proxy", "redis",
	"render", "root", "sasl", "sgx", "shadow", "shutdown", "src", "staff", "sudo", "sync", "sys", "tape",
	"tcpdump", "tty", "users", "utempter", "utmp", "uucp", "uuidd", "video", "voice", "wheel", "www-data",
)
