package importing

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// listening returns the TCP ports that a process listens on, by the inodes of its sockets (proc(5)). What cannot be read
// is not there.
func listening(pid int) map[string]int {
	found := map[string]int{}
	all := map[string]int{}
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		for line := range strings.Lines(string(text)) {
			if inode, port, ok := listener(strings.Fields(line)); ok {
				all[inode] = port
			}
		}
	}
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		link, _ := os.Readlink(folder + "/" + entry.Name())
		inode, isSocket := strings.CutPrefix(link, "socket:[")
		inode = strings.TrimSuffix(inode, "]")
		if port, ok := all[inode]; ok && isSocket {
			found[inode] = port
		}
	}
	return found
}

// listener takes a line of /proc/net/tcp apart: the number, local and remote address, the state and so on.
func listener(fields []string) (inode string, port int, ok bool) {
	const local, state, inodeField, listens = 1, 3, 9, "0A"
	if len(fields) <= inodeField || fields[state] != listens {
		return "", 0, false
	}
	_, digits, _ := strings.Cut(fields[local], ":")
	n, err := strconv.ParseUint(digits, 16, 16)
	return fields[inodeField], int(n), err == nil
}
