package ecosystem

import (
	"io/fs"
	"time"
)

// Host is what an ecosystem file may ask of the machine that converts it.
type Host struct {
	Files    fs.FS             // the file system, its root at /
	Dir      string            // the current folder, where a relative name of a file starts
	Environ  map[string]string // process.env
	CPUs     int               // os.cpus().length
	Hostname string            // os.hostname()
	Home     string            // os.homedir()
	Now      func() time.Time  // Date.now(); nil is time.Now
	Print    func(line string) // console.log(); nil drops the lines
}

// Options say how to read a file.
type Options struct {
	// Root is the absolute folder in which the app will live. The file sees it
	// as its own __dirname and as process.cwd(), and relative paths in it start
	// there. Empty is the file's own folder.
	Root string
	// Env chooses the blocks env_<Env>; empty chooses none.
	Env string
	// Only are the names of the apps to read; none means all.
	Only []string
	// Limit is how long the file may run; 0 is DefaultLimit.
	Limit time.Duration
	// Node evaluates the file with the machine's own Node.
	Node bool
}

// DefaultLimit is how long a file may run. A file that computes its apps takes
// milliseconds; one that takes longer has a loop that never ends.
const DefaultLimit = 2 * time.Second
