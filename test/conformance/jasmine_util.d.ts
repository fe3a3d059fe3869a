/** What we use of the published module, which comes without types. */
declare module '@tensorflow/tfjs-core/dist/jasmine_util' {
  export function setTestEnvs(environments: { name: string; backendName: string; isDataSync?: boolean }[]): void;
  export function setupTestFilters(filters: object[], include: (name: string) => boolean): void;
}
