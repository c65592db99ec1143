package ecosystem

// PM2 returns the app as PM2 has it after its normalisation.
func (a App) PM2() map[string]any {
	mode := "fork"
	if a.Cluster {
		mode = "cluster"
	}
	return map[string]any{"name": a.Name, "cwd": a.Dir, "args": a.Args, "exec_mode": mode}
}
