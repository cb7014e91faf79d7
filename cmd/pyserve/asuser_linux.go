package main

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// do runs work with the user's powers over files, and none of root's. It does so on a thread of its own, which ends with
// it; the thread stays root's in all else, so that the user can do nothing to it.
func (id *identity) do(work func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // forever: whoever came next would be the user
		if err := id.borrow(); err != nil {
			result <- err
			return
		}
		result <- work()
	}()
	return <-result
}

// borrow changes the calling thread only, as the kernel's own calls do and package syscall's do not.
func (id *identity) borrow() error {
	groups := append([]uint32{}, id.credential.Groups...)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0); errno != 0 {
		return os.NewSyscallError("setgroups", errno)
	}
	_ = unix.Setfsgid(int(id.credential.Gid))
	_ = unix.Setfsuid(int(id.credential.Uid))
	if uid, _ := unix.SetfsuidRetUid(-1); uint32(uid) != id.credential.Uid { // it reports nothing
		return os.NewSyscallError("setfsuid", unix.EPERM)
	}
	if gid, _ := unix.SetfsgidRetGid(-1); uint32(gid) != id.credential.Gid {
		return os.NewSyscallError("setfsgid", unix.EPERM)
	}
	return nil
}
