/** Must be evaluated before tfjs-core's tests, which register themselves as they are imported. */
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import { setTestEnvs, setupTestFilters } from '@tensorflow/tfjs-core/dist/jasmine_util';
import { defaultSettings, registerNative } from '../../src/tensor/native/index.js';
import { exclusions } from './exclusions.js';

registerNative({ ...defaultSettings(2), poison: true });
setTestEnvs([{ name: 'native', backendName: 'native', isDataSync: true }]);

const excluded = new Set(Object.keys(exclusions));
setupTestFilters([], (name: string) => !excluded.has(name));
