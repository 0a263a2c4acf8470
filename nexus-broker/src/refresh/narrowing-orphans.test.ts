import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, createEngineRig, type EngineRig, revoking } from './engine-fixture.js';

describeEachDatabase('a minted token that could not be recorded', (open, fixture) => {
  let url: string;
  let rig: EngineRig;

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await createEngineRig(await open({ url, poolSize: 16 }));
  });
  afterAll(() => rig.close());

  /** Makes every transaction that writes an audit entry fail: at that statement, or not before its commit. */
  const breaking =
    fixture.engine === 'sqlite'
      ? {
          statement: ["create trigger sink before insert on audit_event begin select raise(abort, 'sink gone'); end"],
          commit: [
            'create table nobody (id integer primary key)',
            'create table orphan (id integer references nobody (id) deferrable initially deferred)',
            'create trigger sink before insert on audit_event begin insert into orphan values (1); end',
          ],
          mend: ['drop trigger sink', 'drop table if exists orphan', 'drop table if exists nobody'],
        }
      : {
          statement: [
            "create function sink() returns trigger language plpgsql as $$ begin raise exception 'gone'; end $$",
            'create trigger sink before insert on audit_event for each row execute function sink()',
          ],
          commit: [
            "create function sink() returns trigger language plpgsql as $$ begin raise exception 'gone'; end $$",
            `create constraint trigger sink after insert on audit_event deferrable initially deferred
              for each row execute function sink()`,
          ],
          mend: ['drop trigger sink on audit_event', 'drop function sink'],
        };

  /** Narrows at a provider that rotates, one that does not, and one that loses every token of a grant at a revocation. */
  async function narrowWhileBroken(how: readonly string[]): Promise<readonly Connected[]> {
    const engine = rig.createEngine();
    const rotating = await rig.connect({ revoke: revoking('token') });
    const keeping = await rig.connect({ revoke: revoking('token'), downscope: 'token_exchange' });
    const fragile = await rig.connect({ revoke: revoking('grant') });
    const all = [rotating, keeping, fragile];
    for (const statement of how) await fixture.runSql(url, statement);
    try {
      const ended = await Promise.allSettled(all.map((connected) => rig.narrow(engine, connected)));
      const reason = expect.objectContaining({ code: 'audit_unavailable' });
      expect(ended).toEqual(all.map(() => ({ status: 'rejected', reason })));
    } finally {
      for (const statement of breaking.mend) await fixture.runSql(url, statement);
    }
    await engine.storeUnsaved();
    expect((await rig.open(await rig.read(rotating.connection.connectionRef))).refreshToken).toBe(
      `rt-${rotating.family}-1`,
    );
    return all;
  }

  const revokedOf = (all: readonly Connected[]) => all.map(({ family }) => rig.authority.revoked(family));

  it('is taken back where that kills nothing else, and the rotated refresh token is not', async () => {
    const all = await narrowWhileBroken(breaking.statement);
    const [rotating, keeping] = all.map(({ family }) => [expect.stringMatching(new RegExp(`^at-${family}-minted`))]);
    expect(revokedOf(all)).toEqual([rotating, keeping, []]);
  });

  it('is left alone where its commit may have been done and not heard of', async () => {
    const all = await narrowWhileBroken(breaking.commit);
    expect(revokedOf(all)).toEqual([[], [], []]);
  });
});
