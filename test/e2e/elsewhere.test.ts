/** The three rounds of elsewhere.ts with a Slurm of shell scripts. A real one: `npm run test:clusters`. */
import { temporaryFolder } from '../engine/runs.js';
import { FakeSlurm } from '../remote/jobs/fakeSlurm.js';
import { testElsewhere } from './elsewhere.js';

const slurm = new FakeSlurm(temporaryFolder());
testElsewhere(() => slurm.env);
