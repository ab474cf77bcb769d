clusterwatch_test(proto_test
    SOURCES unit/proto/spool_form_test.cpp unit/proto/report_test.cpp unit/proto/session_encoder_test.cpp
            unit/proto/compression_test.cpp unit/proto/refusal_test.cpp
    LIBS clusterwatch::proto clusterwatch_proto_generated)
