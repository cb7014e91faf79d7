/* PYSERVE_BUILD comes with the build environment that scripts/setup writes. */
#ifndef PYSERVE_BUILD
#error "pyserve embeds CPython: build it with 'make build'; for the go command itself, first run 'make setup' and '. build/python/env.sh'"
#endif
