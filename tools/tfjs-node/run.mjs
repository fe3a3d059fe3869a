/**
 * Runs a command with @tensorflow/tfjs-node, which build.mjs builds unless it has:
 *
 *     node tools/tfjs-node/run.mjs node dist/src/cli.js doctor
 *
 * BREVITY_TENSORFLOW chooses another version of TensorFlow.
 */
import { spawnSync } from 'node:child_process';
import { build, environment } from './build.mjs';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  console.error('usage: node tools/tfjs-node/run.mjs COMMAND [ARGUMENT…]');
  process.exit(2);
}
const env = environment(build(process.env.BREVITY_TENSORFLOW));
const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
