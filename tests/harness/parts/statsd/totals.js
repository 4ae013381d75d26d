// A backend of the StatsD server that adds up its flushes, and shows the sums as JSON over HTTP. Each line is in exactly
// one flush, so the sums are exact for any flush interval.
const http = require('http');

exports.init = function (_startup, config, events) {
  const totals = { counters: {}, gauges: {}, timers: {} };

  events.on('flush', function (_timestamp, metrics) {
    for (const name in metrics.counters) {
      totals.counters[name] = (totals.counters[name] || 0) + metrics.counters[name];
    }
    for (const name in metrics.gauges) {
      totals.gauges[name] = metrics.gauges[name];
    }
    for (const name in metrics.timers) {
      const values = metrics.timers[name];
      const timer = (totals.timers[name] = totals.timers[name] || { count: 0, values: 0, min: null, max: null });
      timer.count += metrics.timer_counters[name];
      timer.values += values.length;
      for (const value of values) {
        timer.min = timer.min === null ? value : Math.min(timer.min, value);
        timer.max = timer.max === null ? value : Math.max(timer.max, value);
      }
    }
  });

  const server = http.createServer(function (_request, response) {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(totals));
  });
  server.listen(config.totals_port, config.totals_address);
  return true;
};
