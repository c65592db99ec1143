package ecosystem

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// alone has a test end when all of its evaluations have: what the engine does as one
// instruction goes on when it is stopped, and another test would have its memory and time.
func alone(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(5 * time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines run, and %d before it", runtime.NumGoroutine(), before)
			}
		}
	})
}

func TestMemory(t *testing.T) {
	alone(t)
	for name, text := range map[string]string{
		"a list":      "const a = []; for (;;) a.push(new Array(100).fill('x'))",
		"a text":      "let s = 'x'; for (;;) s += 'y'.repeat(1e5)",
		"one a time":  "module.exports = 'x'.repeat(20e6).split('')",
		"in a getter": "module.exports = { get apps () { const a = []; for (;;) a.push([1, 2, 3, 4]) } }",
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := load(t, text, Options{Limit: 5 * time.Minute, Memory: 32 << 20})
			if len(problems) != 1 || problems[0].Text != "used more than 32 MiB of memory, stopped" {
				t.Errorf("got %v", problems)
			}
		})
	}
}

// TestLargest: what takes memory at once is refused before it does.
func TestLargest(t *testing.T) {
	for text, what := range map[string]string{
		"'x'.repeat(2 ** 29)":               "repeat()",
		"'x'.padStart(2 ** 29)":             "padStart()",
		"'x'.padEnd(2 ** 29)":               "padEnd()",
		"new Array(1e9).fill(0)":            "fill()",
		"new Array(1e9).join('x')":          "join()",
		"Array.from({ length: 1e9 })":       "from()",
		"new ArrayBuffer(2 ** 40)":          "new ArrayBuffer()",
		"new Uint8Array(2 ** 40)":           "new Uint8Array()",
		"new Float64Array({ length: 1e9 })": "new Float64Array()",
		"Buffer.alloc(2 ** 40)":             "a Buffer",
	} {
		_, problems := load(t, text, Options{})
		if len(problems) != 1 || problems[0].Text != what+" of more than 64 Mi" || problems[0].Line != 1 {
			t.Errorf("%s: got %v", text, problems)
		}
	}
}

// TestNesting: no text is nested so deep that a parser overflows its stack.
func TestNesting(t *testing.T) {
	for name, text := range map[string]string{
		"e.js": strings.Repeat("(", 400_000), "e.mjs": "export default " + strings.Repeat("[", 400_000), "e.json": strings.Repeat("{a:", 400_000),
		"e.ts": strings.Repeat("`${", 300_000), "e.cjs": strings.Repeat("!", 1<<20+1), "e.yml": strings.Repeat("[", 400_000), "a.js": "JSON.parse('['.repeat(1e6))",
	} {
		got := read(t, map[string]string{"srv/" + name: text}, name, Options{})
		if !strings.HasPrefix(got, "error "+name+":") || !strings.Contains(got, "nested too deep") && !strings.Contains(got, "is larger than 1 MiB") && !strings.Contains(got, "max depth") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestLimitOfPromises(t *testing.T) {
	for _, text := range []string{
		"module.exports = (async () => { for (;;) await 1 })()",
		"setInterval(() => {}, 1000); module.exports = new Promise(() => {})",
		"module.exports = async function again () { return new Promise(resolve => setTimeout(resolve)).then(again) }",
	} {
		_, problems := load(t, text, Options{Limit: 50 * time.Millisecond})
		if len(problems) != 1 || problems[0].Text != "still running after 50ms, stopped" {
			t.Errorf("%s: got %v", text, problems)
		}
	}
}

// TestOddExports: whatever a file exports, something sensible is said.
func TestOddExports(t *testing.T) {
	for text, want := range map[string]string{
		"const o = {}; o.o = o; module.exports = { apps: [o] }":                    "module.exports is nested too deep, or contains itself",
		"module.exports = new Array(60e6)":                                         "module.exports has too many values",
		"module.exports = () => () => () => () => () => () => () => () => () => 1": "module.exports is a function, which PM2 does not call",
		"module.exports = Object.create({ apps: [1] })":                            "module.exports has no apps",
		"const f = () => f(); f()":                                                 "functions call each other without end",
	} {
		_, problems := load(t, text, Options{})
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%s: got %v", text, problems)
		}
	}
}
