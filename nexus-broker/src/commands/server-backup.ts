/** How a database on a server is copied and put back, for an operator: its own tools do both. */
export const serverBackupText = `The database is on a server, whose own tools copy it and put it back:

  pg_dump --format=custom --file=nexus.dump "$DATABASE_URL"
  pg_restore --exit-on-error --single-transaction --dbname="$RESTORED_DATABASE_URL" nexus.dump

Then, with DATABASE_URL naming the restored database:

  npm run broker -- restore --verify

Nothing was done. docs/operations/backup-and-restore.md says more.
`;
