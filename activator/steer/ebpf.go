package steer

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Kernel is the selector that runs in the kernel: strictly in turn among the
// eligible slots. It needs CAP_BPF and Linux 5.12 (an atomic add that returns
// the old value).
//
// The sockets map outlives the process in the descriptor store, because a
// listener can be in one such map only and the program of a killed predecessor
// still holds it (kernel/bpf/reuseport_array.c).
type Kernel struct {
	sockets *ebpf.Map // slot → listener
	table   *ebpf.Map // [0] → turn
}

// turn is the table's value. Its size is fixed by the verifier's bound.
type turn struct {
	Count uint32
	Slots [MaxSlots]uint32
}

// NewKernel loads nothing yet. stored is a predecessor's sockets map (see
// Map), or -1; it is taken over.
func NewKernel(stored int) (*Kernel, error) {
	var sockets *ebpf.Map
	var err error
	if stored >= 0 {
		sockets, err = ebpf.NewMapFromFD(stored)
	} else {
		sockets, err = ebpf.NewMap(&ebpf.MapSpec{
			Type: ebpf.ReusePortSockArray, KeySize: 4, ValueSize: 8, MaxEntries: MaxSlots,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("create socket map: %w", err)
	}
	table, err := ebpf.NewMap(&ebpf.MapSpec{
		Type: ebpf.Array, KeySize: 4, ValueSize: 4 * (1 + MaxSlots), MaxEntries: 1,
	})
	if err != nil {
		sockets.Close()
		return nil, fmt.Errorf("create table: %w", err)
	}
	return &Kernel{sockets: sockets, table: table}, nil
}

// Map is the descriptor to keep for a successor. It stays the selector's.
func (k *Kernel) Map() int { return k.sockets.FD() }

// UseKernel attaches k to the group in place of what picked before, in one
// step: no connection sees the group without a program.
func (g *Group) UseKernel(k *Kernel, eligible []int) error {
	for slot, fd := range g.listeners {
		if err := k.add(slot, fd); err != nil {
			return err
		}
	}
	if err := k.steer(eligible); err != nil {
		return err
	}
	if err := k.attach(g.listeners[WaitingRoom]); err != nil {
		return err
	}
	g.selector, g.eligible = k, append([]int(nil), eligible...)
	return nil
}

func (k *Kernel) close() {
	k.sockets.Close()
	k.table.Close()
}

func (k *Kernel) add(slot, fd int) error {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return fmt.Errorf("read cookie of listener: %w", err)
	}
	var present uint64
	if err := k.sockets.Lookup(uint32(slot), &present); err == nil && present == cookie {
		return nil // putting a socket where it is already fails with EBUSY
	}
	if err := k.sockets.Put(uint32(slot), uint64(fd)); err != nil {
		return fmt.Errorf("add listener to socket map: %w", err)
	}
	return nil
}

// steer replaces the table. The kernel may read it half old and half new: then
// one connection goes to a slot of either, and all of them are listening.
func (k *Kernel) steer(slots []int) error {
	if len(slots) > MaxSlots {
		return errors.New("more slots than the table holds")
	}
	var t turn
	t.Count = uint32(len(slots))
	for i, slot := range slots {
		t.Slots[i] = uint32(slot)
	}
	if err := k.table.Put(uint32(0), &t); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func (k *Kernel) attach(listener int) error {
	turns, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		return fmt.Errorf("create counter: %w", err)
	}
	defer turns.Close()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "gopm_select",
		Type:         ebpf.SkReuseport,
		Instructions: pick(k.sockets.FD(), k.table.FD(), turns.FD()),
		// bpf_sk_select_reuseport is for programs that are compatible with the GPL.
		License: "Dual MIT/GPL",
	})
	if err != nil {
		return fmt.Errorf("load selector: %w", err)
	}
	// The group keeps what it uses.
	defer program.Close()
	if err := unix.SetsockoptInt(listener, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, program.FD()); err != nil {
		return fmt.Errorf("attach selector: %w", err)
	}
	return nil
}

// pick is, for each new connection:
//
//	turn := turns[0]++
//	if table.count == 0 { slot = WaitingRoom } else { slot = table.slots[turn % table.count] }
//	select sockets[slot]; where that fails the kernel's own hash picks
func pick(sockets, table, turns int) asm.Instructions {
	const key = -4 // on the stack: the map key in use
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.StoreImm(asm.RFP, key, 0, asm.Word),

		asm.LoadMapPtr(asm.R1, turns),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, key),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Imm(asm.R7, 1),
		fetchAdd(asm.R0, asm.R7),

		asm.LoadMapPtr(asm.R1, table),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, key),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R8, asm.R0, 0, asm.Word),
		asm.JEq.Imm(asm.R8, 0, "select"), // key is WaitingRoom
		asm.Mod.Reg32(asm.R7, asm.R8),
		asm.JGE.Imm(asm.R7, MaxSlots, "pass"), // never; the verifier wants it
		asm.LSh.Imm(asm.R7, 2),
		asm.Add.Reg(asm.R0, asm.R7),
		asm.LoadMem(asm.R8, asm.R0, 4, asm.Word),
		asm.StoreMem(asm.RFP, key, asm.R8, asm.Word),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("select"),
		asm.LoadMapPtr(asm.R2, sockets),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, key),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnSkSelectReuseport.Call(),

		asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"), // SK_PASS
		asm.Return(),
	}
}

// fetchAdd adds src to the word at dst and leaves the old value in src.
//
// cilium/ebpf 0.22 writes the instruction's constant before it has put the
// operation there, and so a plain add; given beforehand, it is right.
func fetchAdd(dst, src asm.Register) asm.Instruction {
	const addAndFetch = 0x01 // BPF_ADD | BPF_FETCH
	ins := asm.FetchAdd.Mem(dst, src, asm.Word, 0)
	ins.Constant = addAndFetch
	return ins
}
