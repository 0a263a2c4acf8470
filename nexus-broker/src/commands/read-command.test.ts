import { describe, expect, it } from 'vitest';
import { readCommand, UsageError } from './read-command.js';

const restore = {
  name: 'restore',
  from: null,
  isVerifyOnly: false,
  acceptRollback: false,
  acceptDamage: false,
  checkpointFiles: [],
  archiveFiles: [],
};

describe('readCommand', () => {
  it.each([
    [[], { name: 'serve' }],
    [['serve'], { name: 'serve' }],
    [['backup', '--to', 'a'], { name: 'backup', to: 'a' }],
    [['restore', '--from', 'a'], { ...restore, from: 'a' }],
    [['restore', '--verify'], { ...restore, isVerifyOnly: true }],
    [['restore', '--accept-rollback'], { ...restore, acceptRollback: true }],
    [['restore', '--from', 'a', '--accept-damage'], { ...restore, from: 'a', acceptDamage: true }],
    [
      ['restore', '--verify', '--checkpoints', 'a', '--checkpoints', 'b', '--archive', 'c'],
      { ...restore, isVerifyOnly: true, checkpointFiles: ['a', 'b'], archiveFiles: ['c'] },
    ],
  ])('reads %j', (args, command) => {
    expect(readCommand(args)).toEqual(command);
  });

  it.each([
    [['backup']],
    [['backup', '--to']],
    [['backup', '--to', '']],
    [['backup', '--to', 'a', 'b']],
    [['restore']],
    [['restore', '--from']],
    [['restore', '--from', '']],
    [['restore', '--from', 'a', '--force']],
    [['restore', 'a']],
    [['restore', '--accept-damage']],
    [['restore', '--checkpoints', 'a']],
    [['serve', '--now']],
    [['destroy']],
    [['']],
  ])('refuses %j and says how it is used', (args) => {
    expect(() => readCommand(args)).toThrow(UsageError);
    expect(() => readCommand(args)).toThrow('usage: npm run broker');
  });

  it.each([[['--help']], [['-h']], [['help']], [['backup', '--help']], [['restore', '-h']]])(
    '%j tells how it is used',
    (args) => {
      expect(readCommand(args)).toMatchObject({ name: 'help', text: expect.stringContaining('usage: npm run broker') });
    },
  );
});
