package ecosystem

import (
	"context"
	"io"
	"io/fs"
	"time"
)

// Host is what an ecosystem file may ask of the machine that converts it.
type Host struct {
	Files    fs.FS             // the file system, its root at /; with fs.ReadLinkFS, symbolic links are followed
	Dir      string            // the current folder, where a relative name of a file starts
	Stdin    io.Reader         // the file named "-"; nil is empty
	Environ  map[string]string // process.env
	CPUs     int               // os.cpus().length
	Hostname string            // os.hostname()
	Home     string            // os.homedir()
	User     string            // os.userInfo().username
	UID      int               // os.userInfo().uid
	Memory   int64             // os.totalmem(), bytes
	// Addresses are what os.networkInterfaces() shows; nil shows none.
	Addresses func() []Address
	Now       func() time.Time  // Date.now(); nil is time.Now
	Print     func(line string) // console.log(); nil drops the lines
	// RunNode runs the machine's own Node, for Options.Node: `node args…` in the
	// folder dir with script on standard input. It ends Node and what it started
	// when ctx ends. Its error is that Node could not be started; what Node
	// itself had to say comes with its exit code. nil: there is no Node.
	RunNode func(ctx context.Context, script string, args []string, dir string) (NodeOutput, error)
}

// NodeOutput is what a run of Node left behind.
type NodeOutput struct {
	Stdout, Stderr []byte
	Exit           int
}

// Address is an address of a network interface.
type Address struct {
	Interface string
	IP        string
	MAC       string
	IPv6      bool
	Internal  bool
}

// Options say how to read a file.
type Options struct {
	// Root is the absolute folder in which the app will live. The file sees it
	// as its own __dirname and as process.cwd(), and relative paths in it start
	// there. Empty is the file's own folder.
	Root string
	// Env chooses the blocks env_<Env>; empty chooses none.
	Env string
	// Only are the names of the apps to read; empty are all.
	Only []string
	// Limit is how long the file may run; 0 is DefaultLimit, or NodeLimit with
	// Node.
	Limit time.Duration
	// Memory is by how many bytes the file may make the heap grow; 0 is
	// DefaultMemory. It does not hold for Node.
	Memory int64
	// Node evaluates the file with the machine's own Node.
	Node bool
}

// The limits of a file. One that computes its apps takes milliseconds and a few
// megabytes; one that takes more has a loop that never ends.
const (
	DefaultLimit  = 2 * time.Second
	NodeLimit     = 10 * time.Second
	DefaultMemory = 256 << 20
)
