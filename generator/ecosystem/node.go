package ecosystem

import "context"

func (s *source) evaluateWithNode(ctx context.Context, host Host, opt Options) (result, *Problem) {
	return result{}, nil
}
