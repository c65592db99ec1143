package monit

// The least and the most columns of the list, and the least lines of a board.
const (
	leastList = 40
	mostList  = 64
	leastRows = 4
)

// The smallest screen that shows anything but a word about that.
const (
	leastWidth  = 72
	leastHeight = 12
)

// area is a board's place, its border included.
type area struct{ width, height int }

// lines and columns are what is within the border.
func (a area) lines() int   { return max(0, a.height-2) }
func (a area) columns() int { return max(0, a.width-4) }

// layout is where the boards are: as in PM2's, the list and the logs above,
// metrics and metadata below. The last line of the screen is for keys.
type layout struct{ list, log, metrics, metadata area }

func (m Model) layout() layout {
	left := min(max(m.width*2/5, leastList), mostList)
	right := m.width - left
	all := m.height - 1
	below := max(leastRows+2, min(all*2/5, 18))
	above := all - below
	return layout{
		list: area{left, above}, log: area{right, above},
		metrics: area{left, below}, metadata: area{right, below},
	}
}
