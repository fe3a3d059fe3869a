/** Prints the C++ files of folders, for binding.gyp. */
import { readdirSync } from 'node:fs';

for (const folder of process.argv.slice(2)) {
  for (const file of readdirSync(new URL(folder, import.meta.url)).sort()) {
    if (file.endsWith('.cc')) console.log(`${folder}/${file}`);
  }
}
