/** The backend of a suite whose products round their operands to bfloat16. */
import * as tf from '@tensorflow/tfjs-core';
import { defaultSettings, registerNative } from '../../../src/tensor/native/index.js';

/**
 * Makes it current. On the emulated GPU it always works; a processor may lack the instructions.
 *
 * @returns why this processor cannot; null if it is current
 */
export async function useBf16(): Promise<string | null> {
  try {
    registerNative({ ...defaultSettings(), precision: 'bf16' });
  } catch (error) {
    const { message } = error as Error;
    if (!/has no bfloat16 products/.test(message)) throw error;
    console.error(`Skipped: ${message}`);
    return message;
  }
  await tf.setBackend('native');
  return null;
}
