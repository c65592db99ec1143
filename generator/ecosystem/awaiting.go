package ecosystem

import (
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Around an ES module that awaits something outside of any function: it becomes
// an async function. esbuild itself makes no CommonJS of such a module.
const (
	awaitingBanner = "(async function(exports,require,module,__filename,__dirname," + metaName + "){{" +
		`const __gopm_default=m=>m&&m.__esModule?m.default:m;Object.defineProperty(exports,"__esModule",{value:true});`
)

// Statements of an ES module as esbuild prints them: each begins a line, and all
// exports are in one list at the end.
var (
	bareImport = pattern(`(?m)^import ("(?:[^"\\\n]|\\.)*");$`)
	fullImport = pattern(`(?m)^import ([^"';]+) from ("(?:[^"\\\n]|\\.)*")(?: with \{[^}]*\})?;$`)
	starExport = pattern(`(?m)^export \* from ("(?:[^"\\\n]|\\.)*");$`)
	exportList = pattern(`(?m)^export \{([^}]*)\};$`)
)

// awaiting turns such a module into a wrapped async function. Lines stay where
// they are.
func awaiting(text string, options api.TransformOptions) (transpiled, *complaint) {
	options.Format = api.FormatESModule
	options.Banner = awaitingBanner
	out := api.Transform(text, options)
	if len(out.Errors) > 0 {
		return transpiled{}, complain(out.Errors[0])
	}
	code := bareImport().ReplaceAllString(string(out.Code), "require($1);")
	code = starExport().ReplaceAllString(code, "Object.assign(exports,require($1));")
	code = fullImport().ReplaceAllStringFunc(code, func(s string) string {
		m := fullImport().FindStringSubmatch(s)
		return importing(m[1], "require("+m[2]+")") + strings.Repeat("\n", strings.Count(s, "\n"))
	})
	code = exportList().ReplaceAllStringFunc(code, func(s string) string {
		var b strings.Builder
		for _, item := range strings.Split(exportList().FindStringSubmatch(s)[1], ",") {
			local, name, renamed := strings.Cut(strings.TrimSpace(item), " as ")
			if !renamed {
				name = local
			}
			if local != "" {
				b.WriteString("exports." + name + "=" + local + ";")
			}
		}
		return b.String()
	})
	return transpiled{code: code, maps: out.Map, async: true}, nil
}

// importing returns the declarations for what stands between import and from.
func importing(clause, module string) string {
	clause = strings.Join(strings.Fields(clause), " ")
	var b strings.Builder
	head, names, braced := strings.Cut(clause, "{")
	for _, part := range strings.Split(head, ",") {
		part = strings.TrimSpace(part)
		if space, ok := strings.CutPrefix(part, "* as "); ok {
			b.WriteString("const " + space + "=" + module + ";")
		} else if part != "" {
			b.WriteString("const " + part + "=__gopm_default(" + module + ");")
		}
	}
	if braced {
		names = strings.TrimSuffix(strings.TrimSpace(names), "}")
		var list []string
		for _, item := range strings.Split(names, ",") {
			name, local, renamed := strings.Cut(strings.TrimSpace(item), " as ")
			switch {
			case name == "":
			case name == "default":
				b.WriteString("const " + local + "=__gopm_default(" + module + ");")
			case renamed:
				list = append(list, name+":"+local)
			default:
				list = append(list, name)
			}
		}
		b.WriteString("const {" + strings.Join(list, ",") + "}=" + module + ";")
	}
	return b.String()
}
