"""Reads reports as a build server would, and counts what failed."""
import sys

from junitparser import Error, Failure, JUnitXml, Skipped

cases = 0
for file in sys.argv[1:]:
    suites = JUnitXml.fromfile(file)
    for suite in suites:
        found = [type(result) for case in suite for result in case.result]
        counted = (len(list(suite)), found.count(Failure), found.count(Error), found.count(Skipped))
        assert counted == (suite.tests, suite.failures, suite.errors, suite.skipped), (file, counted)
        cases += suite.tests
print(cases)
