package steer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Kernel is the selector that runs in the kernel: of the eligible slots the one
// with the fewest connections to accept, in turn among equals. It needs CAP_BPF
// and Linux 5.12 (an atomic add that returns the old value).
//
// The program counts what it gives to a slot, and cannot see what is accepted
// there: Group.Count puts that right. Uncorrected, the counts grow alike, and the
// slots take turns.
//
// The sockets map outlives the process in the descriptor store, because a
// listener can be in one such map only and the program of a killed predecessor
// still holds it (kernel/bpf/reuseport_array.c).
type Kernel struct {
	sockets *ebpf.Map    // slot → listener
	table   *ebpf.Map    // [0] → turn
	pending *ebpf.Map    // [0] → a count for each slot
	counts  *ebpf.Memory // of pending
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
	pending, err := ebpf.NewMap(&ebpf.MapSpec{
		Type: ebpf.Array, KeySize: 4, ValueSize: 4 * MaxSlots, MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		sockets.Close()
		table.Close()
		return nil, fmt.Errorf("create counts: %w", err)
	}
	k := &Kernel{sockets: sockets, table: table, pending: pending}
	if k.counts, err = pending.Memory(); err != nil {
		k.close()
		return nil, fmt.Errorf("map counts: %w", err)
	}
	return k, nil
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
		n, err := Queue(fd)
		if err != nil {
			return err
		}
		if err := k.correct(slot, n); err != nil {
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
	k.pending.Close()
}

// queued is the program's count of a slot. It is never too low, but where the
// kernel's own hash has picked.
func (k *Kernel) queued(slot int) (n int, known bool) {
	var count [4]byte
	if _, err := k.counts.ReadAt(count[:], int64(slot)*4); err != nil {
		return 0, false
	}
	return int(binary.NativeEndian.Uint32(count[:])), true
}

// correct sets it. What is picked in the same moment is forgotten until the next
// time.
func (k *Kernel) correct(slot, n int) error {
	_, err := k.counts.WriteAt(binary.NativeEndian.AppendUint32(nil, uint32(n)), int64(slot)*4)
	if err != nil {
		return fmt.Errorf("correct count: %w", err)
	}
	return nil
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
		Instructions: pick(k.sockets.FD(), k.table.FD(), k.pending.FD(), turns.FD()),
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

// compared is how many slots are looked at for each connection. Among sixteen
// one without a queue is found nearly always, where there is any; and the program
// has no loop, which the verifier would have to follow to its end.
const compared = 16

// pick is, for each new connection:
//
//	turn := turns[0]++
//	slot := WaitingRoom
//	if table.count > 0 {
//		slot = table.slots[turn%table.count]
//		for range min(table.count, compared) - 1 {
//			if pending[slot] == 0 { break }
//			turn++
//			if s := table.slots[turn%table.count]; pending[s] < pending[slot] {
//				slot = s
//			}
//		}
//		pending[slot]++
//	}
//	select sockets[slot]; where that fails the kernel's own hash picks
//
// The masks are for the verifier, to which what is read from a map could be
// anything. Without CAP_PERFMON it wants the same bounds of an offset on each
// way to where it is used (kernel/bpf/verifier.c, sanitize_ptr_alu).
func pick(sockets, table, pending, turns int) asm.Instructions {
	const (
		key    = -4 // on the stack: the map key in use
		inside = MaxSlots - 1
		// What the registers hold while slots are compared.
		slots, queued        = asm.R0, asm.R9
		turn, count          = asm.R7, asm.R8
		slot, n, least, best = asm.R2, asm.R3, asm.R4, asm.R5
	)
	lookup := func(m int) asm.Instructions {
		return asm.Instructions{
			asm.LoadMapPtr(asm.R1, m),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, key),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "pass"),
		}
	}
	// load reads the slot whose turn it is, and what is pending there.
	load := asm.Instructions{
		asm.Mod.Reg32(turn, count),
		asm.Mov.Reg(slot, turn),
		asm.And.Imm(slot, inside),
		asm.LSh.Imm(slot, 2),
		asm.Add.Reg(slot, slots),
		asm.LoadMem(slot, slot, 4, asm.Word), // after the count
		asm.And.Imm(slot, inside),
		asm.Mov.Reg(n, slot),
		asm.LSh.Imm(n, 2),
		asm.Add.Reg(n, queued),
		asm.LoadMem(n, n, 0, asm.Word),
	}
	take := asm.Instructions{
		asm.Mov.Reg(least, n),
		asm.Mov.Reg(best, slot),
	}
	program := slices.Concat(
		asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.StoreImm(asm.RFP, key, WaitingRoom, asm.Word),
		},
		lookup(turns),
		asm.Instructions{
			asm.Mov.Imm(turn, 1),
			fetchAdd(asm.R0, turn),
		},
		lookup(pending),
		asm.Instructions{asm.Mov.Reg(queued, asm.R0)},
		lookup(table),
		asm.Instructions{
			asm.LoadMem(count, slots, 0, asm.Word),
			asm.JEq.Imm(count, 0, "select"),
		}, load, take)
	name := func(round int) string {
		if round == compared {
			return "chosen"
		}
		return fmt.Sprintf("round-%d", round)
	}
	for round := 1; round < compared; round++ {
		program = append(program,
			asm.JEq.Imm(least, 0, "chosen").WithSymbol(name(round)),
			asm.JLE.Imm(count, int32(round), "chosen"),
			asm.Add.Imm32(turn, 1))
		program = append(program, load...)
		program = append(program, asm.JGE.Reg(n, least, name(round+1)))
		program = append(program, take...)
	}
	return append(program,
		asm.StoreMem(asm.RFP, key, best, asm.Word).WithSymbol("chosen"),
		asm.LSh.Imm(best, 2),
		asm.Add.Reg(best, queued),
		asm.Mov.Imm(n, 1),
		asm.AddAtomic.Mem(best, n, asm.Word, 0),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("select"),
		asm.LoadMapPtr(asm.R2, sockets),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, key),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnSkSelectReuseport.Call(),

		asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"), // SK_PASS
		asm.Return(),
	)
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
