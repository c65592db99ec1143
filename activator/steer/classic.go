package steer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// random is the selector for who lacks CAP_BPF: a classic BPF program, attached
// anew at each change, that draws one of the eligible slots. Its result is an
// index in the group, which is the order of listen(2) and so the slot.
type random struct{ listener int }

// UseClassic makes the group draw at random, without any privilege.
func (g *Group) UseClassic(eligible []int) error {
	r := random{g.listeners[WaitingRoom]}
	if err := r.steer(eligible); err != nil {
		return err
	}
	g.selector, g.eligible = r, append([]int(nil), eligible...)
	return nil
}

func (r random) close() {}

func (r random) add(int, int) error { return nil }

func (r random) queued(int) (int, bool) { return 0, false }

func (r random) correct(int, int) error { return nil }

func (r random) steer(slots []int) error {
	program := draw(slots)
	err := unix.SetsockoptSockFprog(r.listener, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return fmt.Errorf("attach classic selector: %w", err)
	}
	return nil
}

// Extensions of classic BPF (linux/filter.h): a load from this place reads a
// random number.
const loadRandom = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM

// draw is a jump table: load a random number modulo the count, then return the
// slot at that place.
func draw(slots []int) []unix.SockFilter {
	if len(slots) == 0 {
		return []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: WaitingRoom}}
	}
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: loadRandom},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(len(slots))},
	}
	for i, slot := range slots[:len(slots)-1] {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(i), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(slot)})
	}
	return append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(slots[len(slots)-1])})
}
