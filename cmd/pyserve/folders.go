package main

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// folders are where the code of a generation lies, links followed: a link that is switched to a new release counts for
// the next generation, and changes nothing for the processes of this one, new ones included.
type folders struct {
	Home       string // the working folder
	Venv       string // "" for none
	Pythonpath []string
	App        string // the application's name; if that is a file's, with the file's folder
}

// folders follows the links of what was named. The working folder may have been named by the shell that pyserve was started
// in, by $PWD.
func (c *cli) folders() (f folders, err error) {
	named := cmp.Or(c.Chdir, c.dir)
	if f.Home, err = filepath.EvalSymlinks(named); err != nil {
		return f, fmt.Errorf("the working folder %s is not there any more; with --chdir and a link, a reload finds the folder that the link names by then: %w", named, err)
	}
	f.Venv = followed(cmp.Or(c.givenVenv, findVenv(f.Home)))
	for _, dir := range c.Pythonpath {
		f.Pythonpath = append(f.Pythonpath, followed(dir))
	}
	f.App = followedFile(f.Home, c.app)
	return f, nil
}

// followedFile returns the name of an application with the links to its folder followed, if it is that of a file in another
// folder than home. The file itself may be a link, whose name is the module's.
func followedFile(home, app string) string {
	file, _, _ := strings.Cut(app, ":")
	dir, name := filepath.Split(file)
	if dir == "" {
		return app
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(home, dir)
	}
	if real := followed(dir); real != filepath.Clean(dir) {
		return filepath.Join(real, name) + strings.TrimPrefix(app, file)
	}
	return app
}

// followed returns the path without links, or as it is if it leads nowhere: who uses it reports that.
func followed(path string) string {
	if path == "" {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// in returns settings for the folders of a generation.
func (c *cli) in(f folders) *cli {
	there := *c
	there.Chdir, there.Venv, there.givenVenv, there.Pythonpath, there.home, there.target = f.Home, f.Venv, f.Venv, f.Pythonpath, f.Home, f.App
	return &there
}

// String returns f in the form that takeFolders reads. Paths may be any bytes.
func (f folders) String() string {
	return url.Values{"home": {f.Home}, "venv": {f.Venv}, "path": f.Pythonpath, "app": {f.App}}.Encode()
}

// takeFolders makes c's folders those that its master has chosen.
func (c *cli) takeFolders(text string) (*cli, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return c, fmt.Errorf("the folders from the master: %w", err)
	}
	return c.in(folders{Home: values.Get("home"), Venv: values.Get("venv"), Pythonpath: values["path"], App: values.Get("app")}), nil
}
