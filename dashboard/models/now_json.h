// The Now view as JSON, for `--dump-model`: what end-to-end tests assert on, so that pixels are not
// the only oracle. Described in docs/dashboard.md.
#pragma once

#include <QByteArray>

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard {

QByteArray toJson(const NowView& view);

}  // namespace clusterwatch::dashboard
