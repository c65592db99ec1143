package ecosystem

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// largestFile is how much of a file is read, in bytes. The data files that an
// ecosystem file reads are far smaller.
const largestFile = 16 << 20

// mostLinks is how many symbolic links a name may lead through.
const mostLinks = 40

var (
	errOutside  = errors.New("is outside the project")
	errTooLarge = errors.New("is larger than 16 MiB")
	errNoFile   = errors.New("is not a regular file")
)

// source knows where an ecosystem file is now (home) and where it will be
// (root). The file only ever sees root: a path that it computes from __dirname
// is then right on the machine that runs the app.
type source struct {
	files fs.FS
	shown string // the file as the user named it
	home  string
	root  string
	base  string

	real    string // home without symbolic links
	project string // the folder below which the file may read, without symbolic links
}

// locate finds out what is outside the file's reach.
func (s *source) locate() {
	s.real = s.home
	if real, err := s.follow(s.home); err == nil {
		s.real = real
	}
	s.project = s.real
	for dir := s.real; dir != "/"; dir = path.Dir(dir) {
		if s.exists(path.Join(dir, ".git")) {
			s.project = dir
			return
		}
		if s.exists(path.Join(dir, "package.json")) {
			s.project = dir
		}
	}
}

func (s *source) exists(name string) bool {
	_, err := fs.Stat(s.files, inFS(name))
	return err == nil
}

// regular reports whether a file of this machine is a regular one.
func (s *source) regular(real string) bool {
	info, err := fs.Stat(s.files, inFS(real))
	return err == nil && info.Mode().IsRegular()
}

// inFS returns the name of a file in an fs.FS whose root is /.
func inFS(name string) string {
	if name == "/" {
		return "."
	}
	return strings.TrimPrefix(name, "/")
}

// follow returns name without symbolic links in it.
func (s *source) follow(name string) (string, error) {
	if _, links := s.files.(fs.ReadLinkFS); !links {
		return name, nil
	}
	todo := strings.Split(strings.Trim(path.Clean(name), "/"), "/")
	done := "/"
	for count := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		next := path.Join(done, part)
		info, err := fs.Lstat(s.files, inFS(next))
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if count++; count > mostLinks {
			return "", errors.New("too many symbolic links")
		}
		target, err := fs.ReadLink(s.files, inFS(next))
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			done = "/"
		}
		todo = append(strings.FieldsFunc(target, func(r rune) bool { return r == '/' }), todo...)
	}
	return done, nil
}

// below returns what follows dir in name.
func below(name, dir string) (rest string, ok bool) {
	if name == dir {
		return "", true
	}
	return strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// inside returns the file on this machine that name means to the ecosystem
// file, without symbolic links, where the file may read it.
func (s *source) inside(name string) (string, error) {
	name = s.now(s.absolute(name))
	real, err := s.follow(name)
	if err != nil {
		// Whether there is such a file outside is none of its business.
		_, here := below(name, s.home)
		if _, ok := below(name, s.project); !ok && !here {
			return "", errOutside
		}
		return "", err
	}
	if _, ok := below(real, s.project); !ok {
		return "", errOutside
	}
	return real, nil
}

// absolute returns name as the file means it.
func (s *source) absolute(name string) string { return resolve(s.root, name) }

// resolve makes a path absolute that starts in dir.
func resolve(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

// read returns another file that the ecosystem file asks for.
func (s *source) read(name string) ([]byte, error) {
	real, err := s.inside(name)
	if err != nil {
		return nil, err
	}
	return s.text(real)
}

// text reads a file of this machine, if it is a regular one of a sound size.
func (s *source) text(real string) ([]byte, error) {
	info, err := fs.Stat(s.files, inFS(real))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	f, err := s.files.Open(inFS(real))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

// readAll reads what is of a sound size.
func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, largestFile+1))
	if err == nil && len(text) > largestFile {
		err = errTooLarge
	}
	return text, err
}

// around yields the folders that the file will be in, from root up, and those
// that it is in: what is around it, such as ../shared/ports.js, is so today too.
func (s *source) around() iter.Seq2[string, string] {
	return func(yield func(root, home string) bool) {
		for root, home := s.root, s.real; root != "/" && yield(root, home); root, home = path.Dir(root), path.Dir(home) {
		}
	}
}

// now returns where a file that will be at name is today.
func (s *source) now(name string) string {
	if s.root == s.home {
		return name
	}
	for root, home := range s.around() {
		if rest, ok := below(name, root); ok {
			return path.Join(home, rest)
		}
	}
	return name
}

// then returns where a file that is at real today will be.
func (s *source) then(real string) string {
	if s.root == s.home && s.real == s.home {
		return real
	}
	if rest, ok := below(real, s.real); ok {
		return path.Join(s.root, rest)
	}
	if s.root == s.home {
		return real
	}
	for root, home := range s.around() {
		if rest, ok := below(real, home); ok {
			return path.Join(root, rest)
		}
	}
	return real
}

// show returns the name of a script as the user knows it.
func (s *source) show(name string) string {
	if name == path.Join(s.root, s.base) {
		return s.shown
	}
	if rest, ok := below(name, s.root); ok && s.shown != standardInput {
		return path.Join(path.Dir(s.shown), rest)
	}
	return s.now(name)
}
