// The store that Milady itself keeps everything in, where somebody has it.
//
// It is not among the packages here, since it comes with a third of a gigabyte of others. To have it:
//
//   npm install --prefix /tmp/milady --ignore-scripts --legacy-peer-deps \
//     @elizaos/plugin-sql@2.0.0-alpha.20 @elizaos/core@2.0.0-alpha.537
//   export GREENROOM_MILADY_STORE=/tmp/milady
//   cargo test --test main milady
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Where it is installed, if it is. */
const FOLDER = process.env.GREENROOM_MILADY_STORE;

/** An empty one in memory; nothing where it is not installed. */
export async function sqlStore() {
  if (!FOLDER) {
    return undefined;
  }
  process.env.LOG_LEVEL ??= 'fatal';
  const module = join(FOLDER, 'node_modules/@elizaos/plugin-sql/dist/node/index.node.js');
  const { createDatabaseAdapter, DatabaseMigrationService, plugin } = await import(pathToFileURL(module));
  const host = { id: randomUUID(), name: 'Host', bio: [], createdAt: Date.now(), updatedAt: Date.now() };
  const adapter = createDatabaseAdapter({ dataDir: 'memory://' }, host.id);
  await adapter.initialize();
  const migrations = new DatabaseMigrationService();
  await migrations.initializeWithDatabase(adapter.db);
  migrations.discoverAndRegisterPluginSchemas([plugin]);
  await migrations.runAllPluginMigrations();
  await adapter.createAgents([host]);
  return adapter;
}
