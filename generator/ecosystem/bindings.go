package ecosystem

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja_nodejs/buffer"
)

// hostObject is what the files of modules/ know of the world.
func (e *engine) hostObject(name string) *goja.Object {
	o := e.vm.NewObject()
	e.set(o, "refuse", func(code, message, hint string) { panic(e.error(code, message, hint)) })
	e.set(o, "letNode", letNode)
	e.set(o, "name", name)
	e.set(o, "root", e.source.root)
	e.set(o, "file", path.Join(e.source.root, e.source.base))
	switch name {
	case "console":
		e.set(o, "print", func(line string) {
			if e.print != nil {
				e.print(line)
			}
		})
	case "fs":
		e.fsHost(o)
	case "os":
		e.osHost(o)
	case "process":
		e.processHost(o)
	case "dotenv", "dotenv/config", "dotenv-expand":
		e.env = e.environment()
		e.fsHost(o)
		e.set(o, "has", func(name string) bool { return e.env.silentlyHas(name) })
		e.set(o, "loaded", func(name string) { e.facts.dotenv = append(e.facts.dotenv, e.source.absolute(name)) })
		e.set(o, "assign", func(name, text string) { e.env.Set(name, e.vm.ToValue(text)) })
		e.set(o, "env", func() goja.Value { return e.native("process").(*goja.Object).Get("env") })
	case "module":
		e.set(o, "createRequire", func(name string) goja.Value {
			name = strings.TrimPrefix(name, "file://")
			if strings.HasSuffix(name, "/") {
				return e.requireFrom(path.Clean(name))
			}
			return e.requireFrom(path.Dir(path.Clean(name)))
		})
		e.set(o, "names", ownNames)
	case "crypto":
		e.cryptoHost(o)
	case "url", "buffer":
		e.set(o, "library", e.library)
	case "timers":
		e.timersHost(o)
	case "perf_hooks":
		e.set(o, "now", e.uptime)
	}
	return o
}

// uptime returns how long the file has run, in milliseconds.
func (e *engine) uptime() float64 {
	return float64(e.facts.clock().Sub(e.facts.begin)) / float64(time.Millisecond)
}

func (e *engine) timersHost(o *goja.Object) {
	e.set(o, "setTimeout", e.timerFunc(2, false))
	e.set(o, "setInterval", e.timerFunc(2, true))
	e.set(o, "setImmediate", e.timerFunc(1, false))
	e.set(o, "clear", e.clearTimer)
}

func (e *engine) processHost(o *goja.Object) {
	e.env = e.environment()
	e.set(o, "env", e.vm.NewDynamicObject(e.env))
	e.set(o, "argv", func() []string { return e.facts.argv(path.Join(e.source.root, e.source.base)) })
	e.set(o, "pid", e.facts.pid)
	e.set(o, "uid", e.facts.uid)
	arch, _ := architecture()
	e.set(o, "arch", arch)
	e.set(o, "uptime", e.uptime)
	e.set(o, "begin", func() float64 { return float64(e.facts.begin.UnixNano()) / 1e6 })
}

func (e *engine) environment() *environment {
	if e.env == nil {
		e.env = &environment{vm: e.vm, facts: e.facts}
	}
	return e.env
}

func (e *engine) osHost(o *goja.Object) {
	e.set(o, "cpus", e.facts.cpus)
	e.set(o, "hostname", e.facts.hostname)
	e.set(o, "homedir", e.facts.home)
	e.set(o, "user", e.facts.user)
	e.set(o, "uid", e.facts.uid)
	e.set(o, "memory", e.facts.memory)
	e.set(o, "interfaces", e.facts.interfaces)
	arch, machine := architecture()
	e.set(o, "arch", arch)
	e.set(o, "machine", machine)
}

// architecture returns what Node and what uname(1) call this machine's.
func architecture() (node, uname string) {
	switch runtime.GOARCH {
	case "amd64":
		return "x64", "x86_64"
	case "arm64":
		return "arm64", "aarch64"
	}
	return runtime.GOARCH, runtime.GOARCH
}

// hashes are the digests of Node's crypto module that files make names with.
var hashes = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

func (e *engine) cryptoHost(o *goja.Object) {
	e.set(o, "hash", func(name string, data goja.Value) goja.Value {
		digest, ok := hashes[name]
		if !ok {
			panic(e.error("ERR_CRYPTO_INVALID_DIGEST", "Invalid digest: "+name, ""))
		}
		h := digest()
		h.Write(buffer.Bytes(e.vm, data))
		return buffer.WrapBytes(e.vm, h.Sum(nil))
	})
	e.set(o, "random", func() float64 { return e.facts.random() })
}

// fsHost gives the functions that read. They throw errors as Node's do.
func (e *engine) fsHost(o *goja.Object) {
	e.set(o, "read", func(name string) string { return string(e.read(name)) })
	e.set(o, "bytes", func(name string) goja.Value { return buffer.WrapBytes(e.vm, e.read(name)) })
	e.set(o, "exists", func(name string) bool {
		real, err := e.source.inside(name)
		if errors.Is(err, errOutside) {
			return e.facts.exists(e.source.absolute(name))
		}
		return err == nil && e.source.exists(real)
	})
	e.set(o, "skipped", e.facts.skip)
	e.set(o, "real", func(name string) string {
		real, err := e.source.inside(name)
		if err != nil {
			panic(e.unreadable("realpath", name, err))
		}
		return e.source.then(real)
	})
	e.set(o, "list", func(name string) []string {
		real, err := e.source.inside(name)
		var entries []fs.DirEntry
		if err == nil {
			entries, err = fs.ReadDir(e.source.files, inFS(real))
		}
		if err != nil {
			panic(e.unreadable("scandir", name, err))
		}
		names := make([]string, len(entries))
		for i, entry := range entries {
			names[i] = entry.Name()
		}
		return names
	})
	e.set(o, "stat", func(name string, link bool) map[string]any {
		look, at := fs.Stat, name
		if link {
			look, at = fs.Lstat, path.Dir(e.source.absolute(name))
		}
		real, err := e.source.inside(at)
		var info fs.FileInfo
		if err == nil {
			if link {
				real = path.Join(real, path.Base(e.source.absolute(name)))
			}
			info, err = look(e.source.files, inFS(real))
		}
		if err != nil {
			panic(e.unreadable("stat", name, err))
		}
		return map[string]any{
			"size": info.Size(), "mode": int64(info.Mode().Perm()), "mtimeMs": info.ModTime().UnixMilli(),
			"file": info.Mode().IsRegular(), "dir": info.IsDir(), "link": info.Mode()&fs.ModeSymlink != 0,
		}
	})
}

// read returns another file that the ecosystem file asks for, or throws as
// Node does.
func (e *engine) read(name string) []byte {
	text, err := e.source.read(name)
	if err != nil {
		panic(e.unreadable("open", name, err))
	}
	return text
}

// unreadable returns the error of a file that could not be read, as Node words
// it.
func (e *engine) unreadable(what, name string, err error) goja.Value {
	switch {
	case errors.Is(err, errOutside):
		return e.error("EACCES", "EACCES: "+name+" is outside the project, "+what,
			"the file may read what is below "+e.source.project+"; for more, "+letNode)
	case errors.Is(err, fs.ErrPermission):
		return e.error("EACCES", "EACCES: permission denied, "+what+" "+quoted(name), "")
	case errors.Is(err, errTooLarge):
		return e.error("EFBIG", "EFBIG: "+name+" "+err.Error(), letNode)
	case errors.Is(err, errNoFile):
		return e.error("EISDIR", "EISDIR: illegal operation on a directory, "+what+" "+quoted(name), "")
	default:
		return e.error("ENOENT", "ENOENT: no such file or directory, "+what+" "+quoted(name), "")
	}
}
