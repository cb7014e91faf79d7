module github.com/pyserve/pyserve

go 1.26.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/go-python/cpy3 v0.2.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.49.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/tools v0.26.0 // indirect
)
