package peers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gopm/gopm/test/cache"
)

// nginx is Debian's, in front of workers with a port each.
type nginx struct{ singles }

func (*nginx) Name() string { return "nginx" }

const (
	nginxUnit   = "bench-nginx.service"
	nginxConfig = "/etc/bench-nginx.conf"
)

func (n *nginx) Prepare(ctx context.Context, setup Setup) error {
	err := n.unit(nginxUnit,
		"[Service]",
		"Type=exec",
		"ExecStart="+nginxRt+"/usr/sbin/nginx -c "+nginxConfig,
		"RuntimeDirectory=bench-nginx",
		"LimitNOFILE=infinity",
		"Restart=always",
	)
	if err != nil {
		return err
	}
	if err := n.WriteFile(nginxConfig, nginxSettings(setup)); err != nil {
		return err
	}
	return n.prepare(ctx, setup, "Environment=PORT=%i PLAIN=1")
}

// nginxSettings are nginx's defaults but for kept connections to the workers,
// without which it would be far slower, WebSocket, and max_fails=0: by default a
// worker that refused one request gets none for 10 s, and in a reload all of them
// have refused one. As by default, nginx asks the next worker where one refuses a
// GET or closes it unanswered.
func nginxSettings(setup Setup) string {
	var b strings.Builder
	b.WriteString(`daemon off;
user root;
pid /run/bench-nginx/pid;
error_log stderr;
worker_processes auto;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path /run/bench-nginx/body;
	proxy_temp_path /run/bench-nginx/proxy;
	fastcgi_temp_path /run/bench-nginx/fastcgi;
	uwsgi_temp_path /run/bench-nginx/uwsgi;
	scgi_temp_path /run/bench-nginx/scgi;
	map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
	upstream workers {
`)
	for i := range setup.Workers {
		fmt.Fprintf(&b, "\t\tserver 127.0.0.1:%d max_fails=0;\n", firstPort+i)
	}
	listen := "listen 3000 backlog=4096;"
	if setup.TLS {
		listen = "listen 3000 ssl backlog=4096; ssl_certificate " + root + "/cert.pem; ssl_certificate_key " + root + "/key.pem;"
	}
	b.WriteString(`		keepalive 64;
	}
	server {
		` + listen + `
		location / {
			proxy_pass http://workers;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
		}
	}
}
`)
	return b.String()
}

func (n *nginx) Start(ctx context.Context) error {
	if err := n.singles.Start(ctx); err != nil {
		return err
	}
	_, err := n.Systemctl(ctx, "start", nginxUnit)
	return err
}

func (n *nginx) Stop(ctx context.Context) error {
	if _, err := n.Systemctl(ctx, "stop", nginxUnit); err != nil {
		return err
	}
	return n.singles.Stop(ctx)
}

// Supervisors are nginx's master and its workers.
func (n *nginx) Supervisors(ctx context.Context) ([]int, error) {
	pids, err := n.mainPID(ctx, nginxUnit)
	if err != nil {
		return nil, err
	}
	processes, err := n.Processes(nginxUnit)
	if err != nil {
		return nil, err
	}
	for _, p := range processes {
		if p.PID != pids[0] {
			pids = append(pids, p.PID)
		}
	}
	return pids, nil
}

// nginxFolder is a folder with the files of Debian's package. It is not installed
// on the host, where it would begin to serve.
func nginxFolder(ctx context.Context) (string, error) {
	cached, err := cache.Dir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cached, "nginx")
	if _, err := os.Stat(filepath.Join(folder, "usr/sbin/nginx")); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(cached, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cached, "nginx-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	cmd := exec.CommandContext(ctx, "sh", "-ec", "apt-get --quiet=2 download nginx && dpkg-deb --extract nginx_*.deb tree && chmod 755 tree")
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("get nginx's package (apt-get update may help): %w: %s", err, bytes.TrimSpace(out))
	}
	// Only this makes it visible. Another process may have been first.
	if err := os.Rename(filepath.Join(work, "tree"), folder); err != nil && !os.IsExist(err) {
		return "", err
	}
	return folder, nil
}
