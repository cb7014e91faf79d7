// Package e2e_test drives the built pyserve over sockets, as a person and her applications would: real
// Flask, Pyramid and Django projects and the small applications of testdata/apps.
//
// It holds no production code and imports none of the project's packages: what it knows of pyserve is its
// command line, its output and its bytes on the wire. The tests need two environment variables, which
// `make test` sets: PYSERVE_BIN, the binary, and PYSERVE_VENV, a virtual environment with
// testdata/requirements-test.txt installed. Without them every test is skipped.
//
// Each Test starts one server, or a few, and its subtests share it. Every server must end with exit status
// 0 when it is told to stop by SIGTERM: that, too, is asserted for each.
package e2e_test
