// Runs query scripts: a small part of Prometheus's promqltest format.
//
//     load 10s
//       up{job="a"} 1 1 0 _ stale 5x3 0+10x4
//     eval instant at 50s up == 0
//       up{job="a"} 0
//     eval range from 0 to 1m step 20s rate(x[1m])
//       {} 1 _ 1
//     eval_fail instant at 0 up +
//       expected_fail_message 1:5: parse error: unexpected end of input
//     clear
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clusterwatch::query {

// Complaints, each with its line; empty if all is as expected. `evals` counts what was checked.
std::vector<std::string> runScript(std::string_view text, int& evals);

}  // namespace clusterwatch::query
