package peers

import (
	"context"
	"strconv"
)

// cluster is node:cluster alone, round robin, in app/primary.cjs.
type cluster struct{ Stage }

func (*cluster) Name() string { return "node:cluster" }

const clusterUnit = "bench-cluster.service"

func (c *cluster) Prepare(ctx context.Context, s Setup) error {
	if err := c.secure(ctx, s.TLS); err != nil {
		return err
	}
	err := c.unit(clusterUnit,
		"[Service]",
		"Type=exec",
		"ExecStart="+node+"/node "+root+"/primary.cjs",
		"Environment=NODE_ENV=production PORT=3000 WORKERS="+strconv.Itoa(s.Workers),
		"LimitNOFILE=infinity",
		"Restart=always",
	)
	if err != nil {
		return err
	}
	_, err = c.Systemctl(ctx, "daemon-reload")
	return err
}

func (c *cluster) Start(ctx context.Context) error {
	_, err := c.Systemctl(ctx, "start", clusterUnit)
	return err
}

func (c *cluster) Reload(ctx context.Context) error { return c.Kill(ctx, clusterUnit, "SIGUSR2") }

func (c *cluster) Stop(ctx context.Context) error {
	_, err := c.Systemctl(ctx, "stop", clusterUnit)
	return err
}

func (c *cluster) Supervisors(ctx context.Context) ([]int, error) { return c.mainPID(ctx, clusterUnit) }
