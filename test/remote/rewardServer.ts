/** A reward server on loopback that speaks OpenRLHF's `/get_reward`: the longer a response, the higher its reward. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RewardServer {
  url: string;
  /** Texts scored so far. */
  scored(): number;
  close(): void;
}

export async function startRewardServer(): Promise<RewardServer> {
  let scored = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { query } = JSON.parse(Buffer.concat(chunks).toString()) as { query: string[] };
      scored += query.length;
      response.end(JSON.stringify({ rewards: query.map((text) => text.length / 40) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/get_reward`;
  return {
    url,
    scored: () => scored,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
