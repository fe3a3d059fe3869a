/**
 * Lets the event loop turn after every test. Tests that run commands synchronously would otherwise block it for longer
 * than vitest waits for the reply to a report (60 s), and vitest then fails the whole run.
 */
import { afterEach } from 'vitest';

afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)));
