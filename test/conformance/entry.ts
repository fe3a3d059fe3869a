/** Runs tfjs-core's published tests on the native backend; prints one line of JSON (Outcome) on standard output. */
import './jasmine.js';
import './setup.js';
import '@tensorflow/tfjs-core/dist/tests';
import { run } from './jasmine.js';

await run();
