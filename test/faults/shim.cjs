/**
 * Preloaded into an engine (`node --require`): counts the file operations that change its run directory, and at the Nth
 * kills the process, tears a write or makes the operation fail; or records all of them, for disk.ts to replay.
 *
 * BREVITY_FAULTS_OF is JSON: { [run directory]: { log, mode, thread, n } }; several runs may be played at once. Each
 * thread counts its own operations: how the two interleave differs from run to run. It wraps the functions that src/io
 * uses; an unwrapped one that could change a file throws, so that nothing goes unnoticed.
 */
'use strict';
const { Buffer } = require('node:buffer');
const fs = require('node:fs');
const path = require('node:path');
const { syncBuiltinESMExports } = require('node:module');
const { isMainThread } = require('node:worker_threads');

const faults = JSON.parse(process.env.BREVITY_FAULTS_OF ?? '{}');
// An engine is started as `node main.js RUN`. Its threads have other arguments, and a copy of its environment.
if (isMainThread) process.env.BREVITY_FAULTY_RUN = path.resolve(process.argv[2] ?? '.');
const directory = process.env.BREVITY_FAULTY_RUN;
const fault = faults[directory];
if (fault !== undefined) install();

function install() {
  const real = { ...fs };
  const thread = isMainThread ? 'main' : 'worker';
  /** Paths of descriptors that were opened for writing, and of directories that are opened to be synced. */
  const names = new Map();
  /** One operation may call another, of Node's own. */
  let inside = false;
  let count = 0;
  let failed = false;

  const isOurs = (file) => {
    if (typeof file !== 'string') return false;
    const relative = path.relative(directory, path.resolve(file));
    // The socket is not a file, and the log is no part of the run.
    return !relative.startsWith('..') && relative !== 'engine.sock' && relative !== 'engine.log';
  };
  const relative = (file) => path.relative(directory, path.resolve(file));
  const die = () => {
    process.kill(process.pid, 'SIGKILL');
    // In a worker thread, the signal may come a moment later.
    for (;;);
  };
  const log = (entry) => {
    real.appendFileSync(fault.log, JSON.stringify({ thread, at: String(process.hrtime.bigint()), ...entry }) + '\n');
  };

  /** @param half does a part of the operation; null where it has none */
  function operation(entry, run, half = null) {
    if (inside) return run();
    inside = true;
    try {
      const now = ++count;
      if (fault.mode === 'record') {
        log({ phase: 'begin', op: entry.op });
        const result = run();
        log({ ...entry, phase: 'end' });
        return result;
      }
      if (fault.mode === 'count') log({ op: entry.op, file: entry.file, n: now });
      if (fault.thread === thread) {
        if (now === fault.n) {
          if (fault.mode === 'kill') die();
          if (fault.mode === 'tear') {
            half?.();
            die();
          }
          if (fault.mode === 'EIO') fail('EIO', entry);
          if (fault.mode === 'full') failed = true;
        }
        // Full from here on, until the test frees space.
        if (failed && grows.has(entry.op) && !real.existsSync(`${fault.log}.freed`)) fail('ENOSPC', entry);
      }
      return run();
    } finally {
      inside = false;
    }
  }

  const grows = new Set(['create', 'write', 'mkdir', 'sync']);
  function fail(code, entry) {
    real.writeFileSync(`${fault.log}.failed`, `${entry.op} ${entry.file}\n`);
    throw Object.assign(new Error(`${code}: injected, ${entry.op} '${entry.file}'`), { code, syscall: entry.op });
  }

  fs.openSync = (file, flags = 'r', mode) => {
    if (!isOurs(file)) return real.openSync(file, flags, mode);
    const numeric = typeof flags === 'number' ? flags : numbers[flags];
    const writes = (numeric & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0;
    const open = () => {
      const handle = real.openSync(file, flags, mode);
      names.set(handle, relative(file));
      return handle;
    };
    const creates = (numeric & fs.constants.O_CREAT) !== 0 && !real.existsSync(file);
    const truncates = (numeric & fs.constants.O_TRUNC) !== 0;
    if (!writes || !(creates || truncates)) return open();
    return operation({ op: creates ? 'create' : 'truncate', file: relative(file), size: 0 }, open);
  };
  fs.closeSync = (handle) => {
    names.delete(handle);
    return real.closeSync(handle);
  };
  fs.writeSync = (handle, data, ...rest) => {
    const file = names.get(handle);
    if (file === undefined) return real.writeSync(handle, data, ...rest);
    const [offset = 0, length = data.length - offset, position = null] = rest;
    const bytes = Buffer.from(data.buffer, data.byteOffset + offset, length);
    const entry = { op: 'write', file, position, data: fault.mode === 'record' ? bytes.toString('base64') : '' };
    return operation(
      entry,
      () => real.writeSync(handle, data, offset, length, position),
      () => real.writeSync(handle, data, offset, length >> 1, position),
    );
  };
  for (const name of ['fsyncSync', 'fdatasyncSync'])
    fs[name] = (handle) => {
      const file = names.get(handle);
      return file === undefined ? real[name](handle) : operation({ op: 'sync', file }, () => real[name](handle));
    };
  fs.ftruncateSync = (handle, size = 0) => {
    const file = names.get(handle);
    const run = () => real.ftruncateSync(handle, size);
    return file === undefined ? run() : operation({ op: 'truncate', file, size }, run);
  };
  fs.renameSync = (from, to) => {
    const run = () => real.renameSync(from, to);
    return isOurs(to) ? operation({ op: 'rename', file: relative(from), to: relative(to) }, run) : run();
  };
  fs.mkdirSync = (file, options) => {
    const run = () => real.mkdirSync(file, options);
    if (!isOurs(file) || real.existsSync(file)) return run();
    return operation({ op: 'mkdir', file: relative(file) }, run);
  };
  for (const name of ['rmSync', 'rmdirSync', 'unlinkSync'])
    fs[name] = (file, options) => {
      const run = () => real[name](file, options);
      if (!isOurs(file) || !real.existsSync(file)) return run();
      return operation({ op: 'remove', file: relative(file) }, run);
    };
  fs.copyFileSync = (from, to, mode) => {
    const run = () => real.copyFileSync(from, to, mode);
    if (!isOurs(to)) return run();
    // A copy is a new file and one write.
    operation({ op: 'create', file: relative(to) }, () => {
      real.closeSync(real.openSync(to, 'wx'));
      real.rmSync(to);
    });
    const data = fault.mode === 'record' ? real.readFileSync(from, 'base64') : '';
    return operation({ op: 'write', file: relative(to), position: null, data }, run, () =>
      real.writeFileSync(to, real.readFileSync(from).subarray(0, real.statSync(from).size >> 1)),
    );
  };
  for (const name of ['writeFileSync', 'appendFileSync', 'cpSync', 'linkSync', 'symlinkSync', 'truncateSync'])
    fs[name] = (...given) => {
      if (inside || !given.some(isOurs)) return real[name](...given);
      throw new Error(`test/faults/shim.cjs does not count ${name}, which src/io and src/run do not use; teach it to`);
    };
  syncBuiltinESMExports();
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;
const numbers = {
  r: O_RDONLY,
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND,
  'a+': O_RDWR | O_CREAT | O_APPEND,
};
