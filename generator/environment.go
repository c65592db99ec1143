package generator

import (
	"path"
	"slices"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// account fills in who the app runs as.
func (g *generation) account(v *view, q quoter, name string) {
	app := q.app
	if v.ForUser {
		return
	}
	if app.Group != "" {
		group := q.value("gid", app.Group, units.Account)
		v.Group = &group
	}
	if app.User != "" {
		v.User = q.value("uid", app.User, units.Account)
		return
	}
	account := units.AccountName(name)
	if knownAccounts[account] || strings.HasPrefix(account, "systemd-") {
		account = units.AccountName("gopm-" + name)
		v.renamedAccount = true
	}
	v.OwnAccount, v.Dynamic = !g.opt.Boot, g.opt.Boot
	v.User = q.value("the account", account, units.Account)
	v.Home = q.value("the account's home", home(g.opt.Root), units.Field)
}

// home returns what passwd(5) can hold, where a colon ends a field.
func home(dir string) string {
	if strings.Contains(dir, ":") {
		return "-"
	}
	return dir
}

// instanceVariables are those that have the number of the instance, as far as
// gopm-activator exec does not set them.
func instanceVariables(app ecosystem.App) []string {
	switch {
	case app.Supervised() && app.InstanceVar == "":
		return nil
	case app.Supervised():
		return []string{app.InstanceVar}
	case app.InstanceVar == "":
		return []string{"NODE_APP_INSTANCE", "pm_id"}
	}
	return []string{app.InstanceVar, "pm_id"}
}

// environment fills in the variables: those of the file, and what PM2 sets that
// apps look at.
func (g *generation) environment(v *view, q quoter, name string) {
	app := q.app
	set := func(key, name, value string) {
		v.Environment = append(v.Environment, q.words(key, func() (units.Value, error) { return units.Assignment(name, value) }))
	}
	numbers := instanceVariables(app)
	for _, e := range app.Variables {
		switch {
		case slices.Contains(numbers, e.Name): // PM2 has its own count over env
		case !units.IsVariable(e.Name):
			if at := slices.IndexFunc(v.odd, func(o oddVariable) bool { return o.name == e.Name }); at >= 0 && e.Secret {
				v.Secrets = append(v.Secrets, q.words("env."+e.Name, func() (units.Value, error) { return units.Variable(v.odd[at].secretly, e.Value) }))
			}
		// systemd has files count over Environment=, and the last file over the
		// others: what is to count over a file is in a file.
		case e.Secret || len(app.EnvFiles) > 0:
			v.Secrets = append(v.Secrets, q.words("env."+e.Name, func() (units.Value, error) { return units.Variable(e.Name, e.Value) }))
		default:
			set("env."+e.Name, e.Name, e.Value)
		}
	}
	if app.LogDateFormat != "" {
		set("log_date_format", "GOPM_LOG_DATE_FORMAT", app.LogDateFormat)
	}
	if app.LogJSON {
		set("log_type", "GOPM_LOG_TYPE", "json")
		set("name", "GOPM_LOG_NAME", app.Name)
	}
	named := slices.ContainsFunc(app.Variables, func(e ecosystem.Variable) bool { return e.Name == "name" })
	if !named && (!app.Supervised() || app.Name != name) {
		set("name", "name", app.Name)
	}
	for _, number := range numbers {
		v.Environment = append(v.Environment, q.words("instance_var", func() (units.Value, error) { return units.InstanceVariable(number) }))
	}
	if app.InstanceVar != "" {
		set("instance_var", "instance_var", app.InstanceVar)
	}
	for _, f := range app.EnvFiles {
		v.EnvFiles = append(v.EnvFiles, q.value("env_file", f, units.EnvironmentFile))
	}
	if len(v.Secrets) > 0 {
		g.secrets(v, q)
	}
	if !v.ForUser {
		// Last, so that what an administrator sets counts over all else.
		v.EnvFiles = append(v.EnvFiles, q.value("the administrator's variables", "-/etc/default/"+v.Unit.String(), units.EnvironmentFile))
	}
}

// secrets fills in the file that only root reads, which comes last.
func (g *generation) secrets(v *view, q quoter) {
	file := v.Unit.String() + ".env"
	dir := g.opt.EnvDir
	switch {
	case g.opt.User:
		v.secretPath = units.UserDir + "/" + file
		v.EnvFiles = append(v.EnvFiles, q.value("env", file, units.BesideUserUnits))
		return
	case dir == "":
		dir = "/etc/gopm"
	}
	full := path.Join(dir, file)
	v.secretPath = strings.TrimPrefix(full, "/")
	v.EnvFiles = append(v.EnvFiles, q.value("env", full, units.EnvironmentFile))
}
