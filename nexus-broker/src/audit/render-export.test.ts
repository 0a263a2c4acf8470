import type { ExportLine, SealedLine } from '@nexus/audit-chain/export-format';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type ExportRange, renderExport } from './render-export.js';
import { type Sealing, SealingRig, withoutTriggers } from './sealing-fixture.js';

describeEachDatabase('an export', (open, fixture) => {
  let rig: SealingRig;
  let sealing: Sealing;
  let url = '';
  const everything = { fromSeq: null, toSeq: null };

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await SealingRig.open(await open({ url }));
    sealing = await rig.createSealing();
    for (const count of [600, 500, 200]) {
      await rig.writeMany(count);
      await sealing.seal();
      await sealing.checkpoints.write();
    }
    await rig.writeMany(7);
  });
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  });

  async function render(range: ExportRange, database: Database = rig.database): Promise<string> {
    let text = '';
    for await (const lines of renderExport(database.stores, range)) {
      expect(lines.endsWith('\n')).toBe(true);
      text += lines;
    }
    return text;
  }
  const parse = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ExportLine);
  const kinds = (text: string) => {
    const lines = parse(text);
    const count = (kind: ExportLine['kind']) => lines.filter((line) => line.kind === kind).length;
    return [count('sealed'), count('unsealed'), count('checkpoint'), lines.length];
  };

  it('with open ends has everything once, what is not sealed too', async () => {
    const text = await render(everything);
    expect(kinds(text)).toEqual([1_300, 7, 3, 1_312]);
    const lines = parse(text);
    const sealed = lines.filter((line): line is SealedLine => line.kind === 'sealed');
    expect(sealed.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_300 }, (_, index) => index + 1));
    const [stored] = (await rig.chain()).map(({ entry }) => entry);
    expect(sealed[0]?.stored).toEqual({
      entry: stored?.entry,
      entry_hash: Buffer.from(stored?.entryHash ?? []).toString('hex'),
      mac: Buffer.from(stored?.mac ?? []).toString('hex'),
      mac_key: 4,
      columns: {
        id: stored?.id,
        created_at: stored?.createdAt,
        event_type: 'token.retrieved',
        outcome: 'success',
        actor_id: null,
        connection_ref: null,
        resource_id: null,
        agent_id: null,
        workspace_id: null,
      },
    });
    expect(lines.at(-1)).toMatchObject({ kind: 'end', lines: 1_311, exported_at: expect.stringMatching(/Z$/) });
  });

  it('of a range has its links and its checkpoints, and nothing that changes', async () => {
    const text = await render({ fromSeq: 601, toSeq: 1_100 });
    expect(kinds(text)).toEqual([500, 0, 1, 503]);
    expect(kinds(await render({ fromSeq: 600, toSeq: 1_099 }))).toEqual([500, 0, 1, 503]);
    expect(kinds(await render({ fromSeq: null, toSeq: 1_100 }))).toEqual([1_100, 0, 2, 1_104]);
    expect(kinds(await render({ fromSeq: 1_200, toSeq: null }))).toEqual([101, 7, 1, 111]);
    await rig.writeMany(3);
    await sealing.seal();
    await sealing.checkpoints.write();
    expect(await render({ fromSeq: 601, toSeq: 1_100 })).toBe(text);
  });

  it('shows no checkpoint over more than it shows of the chain, while others seal and sign', async () => {
    const newest = await rig.database.stores.auditChain.newestCheckpoint();
    const head = await rig.database.stores.auditChain.head();
    const rendering = renderExport(rig.database.stores, everything);
    let text = (await rendering.next()).value as string;
    text += (await rendering.next()).value;
    await rig.writeMany(20);
    await sealing.seal();
    await sealing.checkpoints.write();
    for await (const lines of rendering) text += lines;
    const lines = parse(text);
    expect(lines.filter((line) => line.kind === 'sealed').length).toBe(head?.seq);
    const sizes = lines.flatMap((line) => (line.kind === 'checkpoint' ? [line.size] : []));
    expect(sizes.at(-1)).toBe(newest?.size);
    expect(parse(await render(everything)).filter((line) => line.kind === 'checkpoint').length).toBe(sizes.length + 1);
  });

  it('hides nothing: a checkpoint beyond the end and a link without its entry are there', async () => {
    const head = await rig.database.stores.auditChain.head();
    const size = head?.seq ?? 0;
    await withoutTriggers(rig.database, (statement) => fixture.runSql(url, statement), [
      'delete from audit_event where id in (select event_id from audit_chain where seq = 5)',
      `delete from audit_chain where seq = ${size}`,
    ]);
    const lines = parse(await render(everything));
    const sealed = lines.filter((line): line is SealedLine => line.kind === 'sealed');
    expect([sealed.length, sealed[4]?.stored]).toEqual([size - 1, null]);
    expect(lines.filter((line) => line.kind === 'checkpoint').at(-1)).toMatchObject({ size });
    expect(lines.filter((line) => line.kind === 'unsealed')).toHaveLength(1);
  });
});
