/**
 * An npm registry on this machine for packages that are not published yet. Requests for any other package are passed on to
 * the real registry, so npm resolves, verifies and unpacks ours exactly as after publication.
 */
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { type Packed, nativeName } from './packages.js';

export interface Registry {
  url: string;
  /** Names of our packages whose tarballs were fetched. */
  fetched: ReadonlySet<string>;
  close(): Promise<void>;
}

const isOurs = (name: string): boolean => name === 'brevity-dpo' || name.startsWith(nativeName);

/** @param upstream the real registry, such as `https://registry.npmjs.org/` */
export async function startRegistry(packages: readonly Packed[], upstream: string): Promise<Registry> {
  const fetched = new Set<string>();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(`registry: ${request.url}: ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = decodeURIComponent((request.url ?? '/').slice(1));
    const [name, file] = asked.split('/-/');
    if (!isOurs(name)) return passOn(request, response);
    const found = packages.find(({ manifest }) => manifest.name === name);
    if (found === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}');
    } else if (file === undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document(found)));
    } else {
      fetched.add(name);
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      createReadStream(found.tarball).pipe(response);
    }
  }

  /** What a registry says of a package with one version. */
  function document({ manifest, integrity, shasum }: Packed): object {
    const { name, version, scripts } = manifest;
    // npm reads name and version of a script that it may run from this address.
    const dist = { tarball: `${url}${name}/-/${path.basename(name)}-${version}.tgz`, integrity, shasum };
    const hasInstallScript = scripts?.install !== undefined ? { hasInstallScript: true } : {};
    return {
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { ...manifest, ...hasInstallScript, dist } },
    };
  }

  async function passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { accept = '*/*' } = request.headers;
    const reply = await fetch(new URL((request.url ?? '/').slice(1), upstream), { headers: { accept } });
    const type = reply.headers.get('content-type') ?? 'application/octet-stream';
    response.writeHead(reply.status, { 'content-type': type });
    if (reply.body === null) response.end();
    else Readable.fromWeb(reply.body as ReadableStream).pipe(response);
  }

  return {
    url,
    fetched,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
