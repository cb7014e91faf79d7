package watch

import (
	"path"
	"path/filepath"
	"strings"
)

// extensions are those of the files in the roots that count: what an application reads once, when it is imported
// or a template is first used. Scripts and styles for browsers are read from the disk for each request, and logs
// and databases change by themselves. JSON, XML and text are in, though an application may also write them into its
// own folder: that is what Options.Ignore is for.
var extensions = set(
	".py", ".wsgi",
	// templates: Django, Jinja, Mako, Chameleon and Zope, Bottle
	".html", ".htm", ".jinja", ".jinja2", ".j2", ".txt", ".mako", ".pt", ".zpt", ".tpl", ".xml",
	// translations
	".po", ".mo",
	// configuration
	".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".env", ".zcml",
)

// otherFolders in the roots hold no source of the application; left out as well are all whose names begin with a dot
// (.git, .hg, .venv, .tox, .idea) and those with a pyvenv.cfg.
var otherFolders = set("__pycache__", "node_modules", "site-packages")

func set(words ...string) map[string]bool {
	s := map[string]bool{}
	for _, word := range words {
		s[word] = true
	}
	return s
}

// counts reports whether a file in a root counts by its name. What editors leave beside a file does not: foo.py~,
// .foo.py.swp, .#foo.py, #foo.py#, 4913, as these have other extensions or begin with a dot. (Of the hidden files
// only .env, .env.local and .flaskenv are an application's.)
func counts(name string) bool {
	if strings.HasPrefix(name, ".") {
		return name == ".env" || name == ".flaskenv" || strings.HasPrefix(name, ".env.") && !strings.HasSuffix(name, "~") &&
			!strings.HasPrefix(filepath.Ext(name), ".sw")
	}
	return extensions[strings.ToLower(filepath.Ext(name))]
}

// skipped reports whether a folder in a root is left out by its name.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || otherFolders[name]
}

// ignored reports whether one of Options.Ignore matches the file or folder of that name in dir.
func (w *Watcher) ignored(dir, name string) bool {
	for _, pattern := range w.ignore {
		if !strings.Contains(pattern, "/") {
			if ok, _ := path.Match(pattern, name); ok {
				return true
			}
			continue
		}
		for _, root := range w.roots {
			below, err := filepath.Rel(root, filepath.Join(dir, name))
			if err != nil {
				continue
			}
			if ok, _ := path.Match(strings.Trim(pattern, "/"), filepath.ToSlash(below)); ok {
				return true
			}
		}
	}
	return false
}
