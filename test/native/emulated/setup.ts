/** Before each suite that runs on the CUDA kernels in the emulator: their addon (BREVITY_ADDON) as the sources are. */
import { make } from '../cudaBuild.js';

await make('addon');
