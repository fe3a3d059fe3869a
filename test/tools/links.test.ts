/** Links of the documentation: files, headings and pictures exist. Addresses on the web are not visited. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** Pages below a folder of the source, which may have been unpacked without git. */
function pagesIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    const made = /^(?:\.|node_modules$|dist$|build|runs$)/.test(entry.name);
    if (entry.isDirectory()) return made || name === path.join('test', 'golden') ? [] : pagesIn(name);
    return name.endsWith('.md') ? [name] : [];
  });
}
const pages = pagesIn('');

/** Text without code, whose brackets are no links. */
const proseOf = (markdown: string): string => markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, 'code');

/** The anchors of a page as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  const text = readFileSync(path.join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

function linksOf(page: string): string[] {
  const text = proseOf(readFileSync(path.join(root, page), 'utf8'));
  const written = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/(?:src|href)="([^"]+)"/g)];
  return written.map(([, target]) => target).filter((target) => !/^[a-z]+:/.test(target));
}

function problemOf(page: string, link: string): string | null {
  const [file, anchor] = link.split('#');
  const target = file === '' ? page : path.join(path.dirname(page), file);
  if (!existsSync(path.join(root, target))) return `${link}: no such file`;
  if (anchor === undefined || !target.endsWith('.md') || anchorsOf(target).has(anchor)) return null;
  return `${link}: ${target} has no such heading`;
}

describe.each(pages)('%s', (page) => {
  it('links to what exists', () => {
    expect(linksOf(page).flatMap((link) => problemOf(page, link) ?? [])).toEqual([]);
  });
});

describe('the index of the documentation', () => {
  const index = linksOf('docs/README.md').map((link) => path.join('docs', link.split('#')[0]));

  it('lists every page of docs/', () => {
    const listed = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(listed.filter((page) => !index.includes(page))).toEqual([]);
  });

  it('has a picture from a session on every page of the handbook', () => {
    const handbook = pages.filter((page) => page.startsWith('docs/handbook/'));
    expect(handbook.length).toBe(8);
    expect(handbook.filter((page) => !linksOf(page).some((link) => link.endsWith('.svg')))).toEqual([]);
  });
});
