/**
 * Which file is the addon: one compiled here by install.mjs, else the prebuilt one of this platform's package
 * (`@brevity-dpo/native-linux-x64-gnu`), which npm installs beside this package where there is one. A clone has none.
 */
const { existsSync } = require('node:fs');
const path = require('node:path');
const { name, version } = require('./package.json');

const libc = process.platform === 'linux' ? '-gnu' : '';
const platformPackage = `${name}-${process.platform}-${process.arch}${libc}`;
const compiled = path.join(__dirname, 'build', 'Release', 'brevity.node');

/** The command that compiles the addon: in a clone, or for an installed package. */
const isInstalled = __dirname.split(path.sep).includes('node_modules');
const rebuildCommand = isInstalled ? `node ${path.join(__dirname, 'install.mjs')} --required` : 'npm run build:native';

/** @returns path of the platform package's addon; null if it is not installed or belongs to another version */
function prebuilt() {
  try {
    const manifest = require.resolve(`${platformPackage}/package.json`);
    return require(manifest).version === version ? path.join(path.dirname(manifest), 'brevity.node') : null;
  } catch {
    return null;
  }
}

/** @returns {{ file: string, origin: 'named' | 'compiled' | 'prebuilt' }} `named`: by BREVITY_ADDON */
function locate() {
  if (process.env.BREVITY_ADDON !== undefined) return { file: process.env.BREVITY_ADDON, origin: 'named' };
  const file = existsSync(compiled) ? null : prebuilt();
  return file === null ? { file: compiled, origin: 'compiled' } : { file, origin: 'prebuilt' };
}

module.exports = { locate, prebuilt, platformPackage, rebuildCommand };
