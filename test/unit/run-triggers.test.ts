// The text of the triggers: names from a configuration can be nothing but names.
import { describe, expect, it } from 'vitest';
import { runTriggersSql } from '../../src/domain/run-triggers.js';
import { tableNameOf } from '../../src/domain/sql-names.js';
import { makeRunSource } from '../support/run-sources.js';

describe('runTriggersSql', () => {
  it('names the tables with their schema, and puts everything of ours beside the runs', () => {
    const sql = runTriggersSql(makeRunSource({ runs: 'pipe.runs', steps: 'other.tasks' }));
    expect(sql).toContain('after insert or update on "pipe"."runs"');
    expect(sql).toContain('after insert or update on "other"."tasks"');
    expect(sql).toContain('create table if not exists "pipe".opsloop_run_claim (');
    expect(sql).toContain('create or replace function "pipe".opsloop_notify_of_step()');
    expect(sql).not.toContain('set_config');
  });

  it('quotes whatever somebody calls his tables and columns', () => {
    const sql = runTriggersSql(
      makeRunSource({ runs: `ru"ns'; drop`, steps: 'steps', runColumns: { id: 'a"; drop table b' } }),
    );
    expect(sql).toContain('new."a""; drop table b"::text');
    expect(sql).not.toMatch(/[^"]"; drop/);
  });
});

describe('tableNameOf', () => {
  it.each([
    ['runs', { schema: null, table: 'runs' }],
    ['pipe.runs', { schema: 'pipe', table: 'runs' }],
    ['"Pipe.Line"."My ""Runs"""', { schema: 'Pipe.Line', table: 'My "Runs"' }],
    ['pipe."a.b"', { schema: 'pipe', table: 'a.b' }],
  ])('reads %s', (name, expected) => expect(tableNameOf(name)).toEqual(expected));
});
