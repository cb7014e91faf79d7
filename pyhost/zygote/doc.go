// Package zygote is the master's end of --preload: it starts a process that imports the application before its Go
// runtime starts, and has workers forked from it, which share its memory copy-on-write and are there in
// milliseconds. The other end is pyhost/zygote.c and zygote.py. It knows nothing of what workers do, nor when there
// should be one, and runs no Python in the calling process.
//
// The zygote is the program itself with package prestart in it. The environment variable PYSERVE_ZYGOTE names its end
// of a socket (SOCK_SEQPACKET), and is gone before Python starts. One packet is one message:
//
//	master → zygote: the configuration, once     what pyhost.Config.Preload returned
//	master → zygote: fork a worker               NAME=VALUE for its environment, its descriptors as SCM_RIGHTS
//	zygote → master: r names of threads          ready: the application is imported
//	zygote → master: f type NUL message NUL traceback    the import failed; the zygote ends
//	zygote → master: s pid                       the worker that was asked for
//	zygote → master: e message                   there is none: fork failed
//	zygote → master: x pid status                a worker has ended; the status is that of wait(2)
//
// The end of file ends the zygote, and not its workers. It ignores the signals that reach the whole process group.
// It works on Linux with glibc.
package zygote
