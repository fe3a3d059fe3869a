/** Jasmine with its functions as globals, and a reporter that counts. */
import { createRequire } from 'node:module';

interface SpecResult {
  fullName: string;
  status: 'passed' | 'failed' | 'pending' | 'excluded';
  failedExpectations: { message: string }[];
}

/** What came of a run. */
export interface Outcome {
  passed: number;
  /** Specs that need a kernel which the backend does not register, by kernel. */
  unregistered: Record<string, string[]>;
  failed: { name: string; messages: string[] }[];
  pending: string[];
  excluded: string[];
  /** `incomplete` where Jasmine itself gave up. */
  status: string;
}

interface Environment {
  addReporter(reporter: object): void;
  configure(settings: object): void;
  execute(): Promise<{ overallStatus: string; incompleteReason?: string; failedExpectations: { message: string }[] }>;
}

const jasmine = (createRequire(import.meta.url)('jasmine-core') as { boot(): { getEnv(): Environment } }).boot();
const environment = jasmine.getEnv();
environment.configure({ random: false });

// A spec that expects another error quotes this one in its message.
const missing = /Kernel '(\w+)' not registered for backend 'native'/;

export async function run(): Promise<void> {
  const outcome: Outcome = { passed: 0, unregistered: {}, failed: [], pending: [], excluded: [], status: '' };
  environment.addReporter({
    specDone({ fullName, status, failedExpectations }: SpecResult) {
      if (status === 'passed') outcome.passed++;
      else if (status === 'pending') outcome.pending.push(fullName);
      else if (status === 'excluded') outcome.excluded.push(fullName);
      else {
        const messages = failedExpectations.map(({ message }) => message);
        const kernel = missing.exec(messages[0])?.[1];
        if (kernel !== undefined) (outcome.unregistered[kernel] ??= []).push(fullName);
        else outcome.failed.push({ name: fullName, messages });
      }
    },
  });
  const { overallStatus, incompleteReason = '', failedExpectations } = await environment.execute();
  outcome.status = [overallStatus, incompleteReason, ...failedExpectations.map(({ message }) => message)]
    .join(' ')
    .trim();
  process.stdout.write(JSON.stringify(outcome) + '\n');
}
