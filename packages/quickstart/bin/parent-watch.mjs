/**
 * Preloaded (`node --import`) into every process the launcher starts. The launcher keeps an IPC channel to it, which
 * the kernel closes when the launcher dies in whatever way; then the process stops as if it had been asked to.
 */
const backstopMs = 9_000;

process.once('disconnect', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), backstopMs).unref();
  process.kill(process.pid, 'SIGTERM');
});

// The channel must not keep the process alive after its own work is done.
process.channel?.unref();
