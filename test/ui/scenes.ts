/** States of the terminal that are worth a picture: one or more for each screen and for what lies over it. */
import { type Size, type State, initialState } from '../../src/ui/state.js';
import { after, attached, engine, finished, hackingReport, metrics, press, probes, round, told } from './fixtures.js';

export function scenes(size: Size): Record<string, State> {
  const review = attached('review', size);
  const failed =
    'the reward model answered 500 to scoring the response to "What is 2 plus 3?"; everything scored before is kept';
  return {
    connecting: initialState(size),
    sampling: attached('sample', size),
    scoring: attached('score', size),
    'sampling-failed': attached('score', size, { engine: { ...engine, problem: failed } }),
    review,
    'review-typing': press(review, 'a', '0', '.', 'x', 'enter'),
    'review-launch': press(review, 'enter'),
    'review-looking-on': attached('review', size, { role: { driving: false, terminals: 2 } }),
    'review-hacking': after(press(review, 'B'), {
      type: 'answer',
      query: { type: 'read-hacking', round: 2 },
      answer: hackingReport,
    }),
    update: attached('update', size, { probes }),
    'update-probes': press(attached('update', size, { probes }), 'v'),
    'update-alarms': attached('update', size, {
      probes,
      metrics: metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200, 'rewards/accuracies': i > 0 ? 1 : 0 })),
    }),
    'update-abort': press(attached('update', size), 'x'),
    evaluating: attached('evaluate', size),
    evaluation: told(attached('done', size)),
    'evaluation-prompts': press(told(attached('done', size)), 'v', 'down'),
    history: press(attached('done', size), 'h'),
    'history-branches': press(
      attached('done', size, {
        rounds: [
          finished(0, 1.1, 41.2),
          finished(1, 1.523, 42),
          { ...finished(2, 1.821, 43.1), verdict: 'accepted', name: 'steady' },
          { ...finished(3, 1.9, 61.7), parent: 1, verdict: 'rejected', note: 'far too long' },
          { ...round(4, 'review'), parent: 2 },
        ],
        current: 4,
      }),
      'h',
    ),
    help: press(review, '?'),
    palette: press(review, ':', 'a', 'l'),
    'engine-gone': after(review, { type: 'bye', reason: 'the engine ended' }),
  };
}
